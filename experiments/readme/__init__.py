"""What fills the generated parts of the README and the documentation."""
