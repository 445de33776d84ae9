"""Tables and figures of a comparison. Runs no method."""
