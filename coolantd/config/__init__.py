"""TOML files to a frozen, validated Config, and the difference between two of them."""
