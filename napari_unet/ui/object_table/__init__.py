"""The dock *Object table*: measures of objects, linked with their layer."""
