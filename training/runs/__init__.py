"""Training runs on disk: configuration, status, log, snapshots."""
