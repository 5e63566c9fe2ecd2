"""The older contract ``/v0``: the same market in terms of auths and costs."""
