"""Trained networks as files for others: safetensors, PyTorch, ONNX."""
