"""What users upload: schemas, CSV files, streamed records.

Here bytes become typed rows, or an error in AWS's words. Where rows are kept is `storage`'s business, and when they are
read is that of `jobs`; nothing here knows requests, jobs or clocks.
"""
