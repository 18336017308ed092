"""The Train page: runs, begun, watched and steered."""
