"""The sentences that we send: each stands once, and says where it comes from."""

import ast
import inspect
from collections import Counter

from fakepersonalize import errors


def test_no_sentence_takes_the_name_of_another() -> None:
    tree = ast.parse(inspect.getsource(errors))
    names = Counter(target.id for node in tree.body if isinstance(node, ast.Assign) for target in node.targets)  # type: ignore[attr-defined]
    assert names.most_common(1)[0][1] == 1, names.most_common(3)


def test_each_sentence_says_where_it_comes_from() -> None:
    lines = inspect.getsource(errors).split("\n")
    tree = ast.parse("\n".join(lines))
    unsourced = [
        node.targets[0].id  # type: ignore[attr-defined]
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant | ast.JoinedStr)
        and not any(
            set("sdo") & set(line.partition("  # ")[2][:1]) for line in lines[node.lineno - 1 : node.end_lineno]
        )
    ]
    assert not unsourced
