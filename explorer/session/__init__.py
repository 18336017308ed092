"""A visit: the view's state, the models and images on offer, the scene."""
