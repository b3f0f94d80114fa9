"""What people read: pages, pictures and figures in words."""
