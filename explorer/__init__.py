"""Shows checkpoints: the latent space, the decoder and the terms of the ELBO."""
