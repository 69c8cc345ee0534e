"""How the blocks of a task are made: gather reads and combines what touches a window."""
