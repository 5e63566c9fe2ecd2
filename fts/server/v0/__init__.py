"""The ``/v0`` contract: the same market, seen as auths and costs."""
