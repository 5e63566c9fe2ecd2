"""What the exchange needs from outside: a clearing rule, a store, an application."""
