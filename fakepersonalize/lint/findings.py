"""What a check finds: where, which rule, AWS's words for it, and how to mend it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a file (`error`: it is refused; `warning`: it is taken, and rarely meant so)."""

    file: str
    rule: str  # a short name that stays: scripts may look for it
    text: str  # AWS's sentence, or ours where none is public
    fix: str
    why: str | None = None
    line: int | None = None  # 1 is the header
    column: str | None = None
    value: str | None = None
    level: str = ERROR

    def described(self) -> dict[str, Any]:
        """Return it as JSON has it: members that say nothing are left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}
