# SCTransNet's sampling of patches by its authors; image_pad is the dataset's mean.
random_patch = dict(type='mmirstd.RandomPatch', size=256, accept_prob=0.5)
