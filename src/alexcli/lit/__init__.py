"""Training by Lightning's Trainer; nothing outside this package imports lightning or wandb."""
