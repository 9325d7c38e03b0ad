"""Arrays of images become files that a person looks at: PNG, GIF, MP4, HTML."""
