"""What modules do to others when they are loaded: settings, registrations and patches that no name of theirs tells.

`decimal.getcontext().prec = 5`, `pd.set_option(…)`, `import patches`: any code may see these, so they are in the key of
all that comes from the module. What only binds a name of the module is no effect: who reads the name has its value.
"""
