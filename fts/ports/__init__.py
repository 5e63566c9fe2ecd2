"""The needs of the exchange: a rule of clearing, a store, an application."""
