"""What the tests, ``scripts/demo`` and ``scripts/bench`` share: servers, a proxy, the program. Pure."""
