"""Records of evaluations, and the official files that are derived from them."""
