"""What the discriminator's features are worth: §5 of the paper."""
