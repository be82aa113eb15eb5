"""What `mod_python.psp` is made of: from the text of a page to code that writes the page."""
