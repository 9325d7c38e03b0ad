"""Classification by the discriminator's features, as in §5 of the paper."""
