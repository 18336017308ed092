"""The variational autoencoder: networks, latent families, likelihoods, the ELBO."""
