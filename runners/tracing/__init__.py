"""Where a training script waits for the GPU, found without a GPU: `perflint trace`."""
