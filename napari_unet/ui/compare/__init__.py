"""The `Compare methods` dock. Trains, segments and scores nothing itself."""
