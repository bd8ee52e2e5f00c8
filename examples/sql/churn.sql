-- Who leaves next? A table to learn from, a model, its score, and predictions.
CREATE TABLE features AS
SELECT customer, calls, minutes, complaints, churned
FROM customers
WHERE minutes > 0;

SELECT calls, minutes, complaints, churned
FROM features
WHERE customer % 4 <> 0
TO TRAIN xgboost.gbtree
WITH objective = "binary:logistic", train.num_boost_round = 30, max_depth = 3
COLUMN calls, minutes, complaints
LABEL churned
INTO churn_model;

SELECT calls, minutes, complaints, churned
FROM features
WHERE customer % 4 = 0
TO EVALUATE churn_model
WITH validation.metrics = "accuracy"
LABEL churned
INTO churn_scores;

SELECT customer, calls, minutes, complaints
FROM features
TO PREDICT churn_predictions.leaves
USING churn_model;
