"""The ``Export masks`` dock."""
