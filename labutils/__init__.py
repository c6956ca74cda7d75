"""The experiments of Training with Less Data. A part of the book is a folder, a subject is a file:

checks          what every function says of bad input          data        named data sets and text
intervals       numbers with intervals, and as text            readers     the reader's own files
rows            blocks of rows, k-means, nearest rows          tables      a csv: its columns, and features of them
plotting        the look of every figure                       bundled     the data that come with the book
figures         the values a figure draws, its panels          atomic      files written whole or not at all

networks/       models and training, shared by the parts
    models              small networks, drawn from a seed      optimizers      Adam, SGD, SOAP, Muon ... one protocol
    training            `fit_many`: many networks at once      gradient_norms  one gradient norm per example
    batched             the arithmetic under it                max_margin      the separating plane, by NNLS
    batched_gpt         the same for language models           ridge           least squares on fixed features, exactly
    encoders            features of images, nothing trained    checkpoints     long runs that go on where they were
laws/           how loss falls with data and size (chapters 01, 09, 11)
    power_law           fit and forecast one curve             regimes              what limits a loss: `diagnose`
    forecasts           intervals that hold on real curves     calibration          what they learnt from a library
    in_browser          what a page needs to do it itself
    joint_law           data and model size together           random_features      the four regimes, exactly
    learning_curves     measured curves                        intrinsic_dimension  and what depends on it
    ngram               language models by counting            photograph           variance and resolution, to look at
    kernel_regression   exact learning curves             synthetic           training on the output of models
    generators          examples of a class, made up
budget/         what a model can hold (chapters 02, 03)
    capacity            perceptrons, and what is published     memorisation    random tokens, learned by heart
    grokking, fourier   addition mod p, and its mechanism      losses               softmax, squared error, StableMax
    grokking_transformer                the same sums by a transformer
selection/      which examples to keep (chapters 04 to 08)
    easy_hard           the theory, for perceptrons            coresets             subsets that stand for all rows
    scores              one number per example                 facility_location    every row near a choice
    prototypes          scores from features alone             weighted_coresets    subsets with weights, provably
    knn_shapley         exact data values                      pruning              from a score to a subset
    score_table         all scores at once, and their price   keep_curves          what subsets are worth
    exchange_rate       a choice, in random rows              d2_pruning           messages between neighbours
    infobatch           chosen anew each epoch               rules                all rules at once, and their price
    gradient_matching   weights that match the gradient
    information         the bottleneck, exactly           information_plane   what a small network holds, by estimator
    usable_information  bits of a row, bits of a set      variational_bottleneck   a price on bits, in training
    finetuning          what a head start is worth        transfer_tasks       what to learn first, and what then
    importance          rows like a few others            mixed_pool           a pool, half of it irrelevant
geometry/       how alike two representations are (chapter 10)
    similarity          CKA, neighbours, CCA                   translation          from one to the other, without pairs
    translation_steps   the same, step by step
audit/          the reader's data in five answers (chapter 12): python -m labutils.audit
    engine, report              the audit, and what it found     source, features     what it is given, and what a learner sees
    inputs, copies              what is there                    label_errors         likely wrong labels
    more_data                   does more data help              examples             which rows matter
    fewer, trial, choices, confirm      how few are enough       keep                 the list, with a reason a row
    learners                    linear, forest, mlp, one's own   store                steps that are finished
    judges                      who judges a label
    sentences, pictures, page   the answers as one page          planted              data whose answer is known
book/           runs the chapters and prints them: python -m labutils.book
    execute, parameters, provenance     a chapter's run         dependencies   what it is made from
    claims, cards, records              what it found          reader_data    the reader's file in the book
    site, explorer                      the pages, and what moves on them
    sweep, sweep_results                a chapter over a grid  console        how a command ends
    finish, takeaway, first_use         pages made light       workers        the same work on many items
"""
