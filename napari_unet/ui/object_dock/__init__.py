"""The dock ``Objects``: find, count and put right what one can count. Holds no way to objects of its own."""
