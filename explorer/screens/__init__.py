"""The pages: short scripts that read top to bottom and hold no mathematics."""
