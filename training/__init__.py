"""Fine-tuning: from an exported dataset version to a model, and back to its answers."""
