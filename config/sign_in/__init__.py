"""How people come in: the company's sign-in, second factors, and the rules around both. Wiring, no models."""
