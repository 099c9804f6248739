"""Where a sweep's episodes run: one file per outside library."""
