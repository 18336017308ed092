"""The Compare page: two to four models under one cursor, and the table of all."""
