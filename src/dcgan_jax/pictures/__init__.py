"""Files of arrays that a person looks at: PNG, GIF, MP4, HTML."""
