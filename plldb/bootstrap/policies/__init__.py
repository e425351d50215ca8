"""The IAM policies that a user of plldb needs, as JSON files. Cargo: `plldb doctor` simulates them. Pure."""
