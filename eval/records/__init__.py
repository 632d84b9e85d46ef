"""Records of evaluations, and the official files that are derived from them.

schema    the record: its fields, their bounds, its JSON
store     the folder of records: appended, chained by hash, verified
rounds    the record of one round of a campaign
flags     every flag: name, meaning, consequence
official  writes results.json and results.txt
public    texts of records, with names instead of local paths
"""
