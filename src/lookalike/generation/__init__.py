"""Pictures from a trained model: people × conditions, as a grid, a file, a folder or a data set."""
