-- How many bytes the warehouse takes on disk: an estimate, used blocks or active parts.
SELECT bytes FROM storage_size
