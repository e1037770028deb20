"""From YAML files to nodes in their places: files, arguments, substitution, expansion."""
