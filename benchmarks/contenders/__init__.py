"""What the project is measured against, and its own side: each runs in a process of its own."""
