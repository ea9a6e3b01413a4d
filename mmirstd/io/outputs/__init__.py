"""Writing results: where they may go, whole files or none, and which run wrote them."""
