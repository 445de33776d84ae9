"""The dock ``Train U-Net``: paint, learn live, predict. Holds no method and no array of its own."""
