"""The words of the older contract: auths, costs, submissions, deliveries and trades."""
