"""The owner's audit: neighbouring databases through the real release path, declared against measured."""
