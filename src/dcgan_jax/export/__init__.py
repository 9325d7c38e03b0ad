"""A trained network written for others: safetensors, PyTorch, ONNX."""
