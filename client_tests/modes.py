"""The two ways in which clients reach the emulator."""

import pytest

SOCKET, IN_PROCESS = "socket", "in process"
socket_only = pytest.mark.parametrize("mode", [SOCKET], indirect=True)
in_process_only = pytest.mark.parametrize("mode", [IN_PROCESS], indirect=True)
