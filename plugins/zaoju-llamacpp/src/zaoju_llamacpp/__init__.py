"""llama.cpp as a model runner for zaoju."""
