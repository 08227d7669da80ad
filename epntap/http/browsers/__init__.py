"""What is answered to browsers: pages for errors, policies, where a form may come from."""
